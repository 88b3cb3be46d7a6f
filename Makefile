# make demo    a model that answers at once, then your own text and labels, in a virtual environment of its own
# make test    the whole test suite
# make check   style, types, shape, and a wheel that runs in an empty environment
# make faults  200 kills, small disks and broken files (an hour or more), counts into docs/RELIABILITY.md
# make docs    the site of docs/ into build/site, strictly: every link leads somewhere, nothing comes from other hosts
# make notebooks runs the notebooks of examples/ and stores what they show (a quarter of an hour)
# make release VERSION=0.2.0  writes version and date into the files that name them, and says what comes next
# make bench   benchmarks (some three hours, alone on the machine) into benchmarks/results, docs/BENCHMARKS.md from them
# make bench-inference  predictions in float32 and int8 against peers, hours with the fine-tuning, in INFERENCE_DIR
# make bench-serving    a service under load, ten minutes, alone on the machine
# make bench-explaining whether explanations are faithful, half an hour with the fine-tuning, in EXPLAINING_DIR
# make bench-tasks      fine-tuned on real data: several heads, long documents, Chinese, in TASKS_DIR
# make bench-coref-and-relations coreference and relation extraction on real data (hours), in COREF_AND_RELATIONS_DIR
# make bench-translation translation on real data (hours) and against peers, in TRANSLATION_DIR
# make ablation         the four masking schemes, 5 minutes each, in ABLATION_DIR
# make small-en         the packaged English model from text and labels (hours), in SMALL_EN_DIR
# make zh-checkpoint    a small Chinese encoder from scratch, 25 minutes, in ZH_DIR

PYTHON ?= python3
BIN := .venv/bin
# what is imported is compiled then, which is a small part of what is installed
PIP := $(BIN)/pip install --quiet --no-compile --disable-pip-version-check -c constraints.txt
# on Linux TORCH_INDEX=https://download.pytorch.org/whl/cpu has a torch for CPUs alone, a tenth of the other
TORCH_INDEX ?=

export HF_HUB_OFFLINE = 1

.PHONY: demo test check bench bench-pretrain bench-tasks small-en zh-checkpoint ablation clean

$(BIN)/python:
	$(PYTHON) -m venv .venv

# --no-deps: of the packages of data only files are read, and what they would need is not missed
SMALL_EN := models/small-en/pyproject.toml $(wildcard models/small-en/src/spanbert_small_en/model/*)
.venv/.demo: $(BIN)/python pyproject.toml constraints.txt requirements-demo.txt $(SMALL_EN)
	$(PIP) $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) -e '.[demo]'
	$(PIP) --no-deps -r requirements-demo.txt
	$(PIP) --no-deps ./models/small-en
	touch $@

.venv/.dev: .venv/.demo
	$(PIP) -e '.[dev]'
	touch $@

demo: .venv/.demo
	$(BIN)/spanbert quickstart --overwrite

test: .venv/.dev
	# two processes of one thread each: tiny models gain nothing by more; the longest files come first, in the order of names
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: faults
faults: .venv/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.faults.campaign $(ARGS)

check: .venv/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python benchmarks/report.py --check
	$(BIN)/python -m tests.faults.report --check
	$(BIN)/python docs/settings.py --check
	$(BIN)/python docs/scaling.py --check
	$(MAKE) docs
	$(BIN)/zizmor --offline --quiet .github
	PYTHON=$(PYTHON) sh tests/wheel.sh

.PHONY: docs
docs: .venv/.dev
	$(BIN)/zensical build --clean --strict
	$(BIN)/python tools/check_site.py build/site

.PHONY: notebooks
notebooks: .venv/.dev
	$(BIN)/python -m tests.notebooks

.PHONY: release
release:
	$(PYTHON) tools/release.py prepare $(VERSION)

bench: .venv/.dev
	$(BIN)/python benchmarks/masking.py
	for name in masking prepare attention pretrain finetune; do \
		$(BIN)/spanbert bench $$name --out benchmarks/results/bench_$$name.json || exit 1; \
	done
	$(BIN)/spanbert bench encoders --out benchmarks/results/bench_encoders.json --picture docs/images/bench_encoders.png
	$(BIN)/python benchmarks/report.py
	$(BIN)/python docs/scaling.py

# 25 minutes of training; needs SPANBERT_DATA and a fresh BENCH_DIR
BENCH_DIR ?= build/bench
MINILM = $$($(BIN)/python -c "from spanbert.apps.quickstart.build import packaged_minilm; print(packaged_minilm())")
bench-pretrain: .venv/.dev
	mkdir -p $(BENCH_DIR)
	$(BIN)/spanbert prepare "$(SPANBERT_DATA)/pretrain/enwiki_core/part-*.txt" --tokenizer $(MINILM) \
		--out $(BENCH_DIR)/store --held-out 1% --licence "CC BY-SA 3.0, Wikipedia contributors"
	$(BIN)/spanbert pretrain $(BENCH_DIR)/store --model $(MINILM) --out $(BENCH_DIR)/bundle --budget 25m \
		--set train.evaluate_every=10% --set train.evaluate_tokens=65536
	$(BIN)/python benchmarks/pretrain_enwiki.py $(BENCH_DIR)/bundle
	$(BIN)/python benchmarks/report.py

# tokenizer and encoder from Chinese Wikipedia alone; needs SPANBERT_DATA and a fresh ZH_DIR; ZH_BUDGET for a trial
ZH_DIR ?= build/zh
ZH_BUDGET ?= 25m
zh-checkpoint: .venv/.dev
	mkdir -p $(ZH_DIR)
	$(BIN)/spanbert prepare "$(SPANBERT_DATA)/pretrain/zhwiki/part-*.txt" --train-tokenizer 12000 \
		--out $(ZH_DIR)/store --held-out 1% --licence "CC BY-SA 3.0 and 4.0, Chinese Wikipedia contributors"
	$(BIN)/spanbert pretrain $(ZH_DIR)/store --size mini --out $(ZH_DIR)/bundle --budget $(ZH_BUDGET) \
		--set batch.segment_length=512 --set optim.lr=1e-3 --set train.evaluate_every=10%
	$(BIN)/python benchmarks/zh_checkpoint.py $(ZH_DIR)/store $(ZH_DIR)/bundle
	$(BIN)/python benchmarks/report.py

# float32, bfloat16 and int8 against transformers and OpenVINO; needs SPANBERT_DATA, and pip install nncf
INFERENCE_DIR ?= build/inference
.PHONY: bench-inference
bench-inference: .venv/.dev
	$(BIN)/spanbert bench inference --work $(INFERENCE_DIR) --out benchmarks/results/bench_inference.json --overwrite
	$(BIN)/python benchmarks/report.py

# a service under load and a plain one beside it; needs SPANBERT_DATA
.PHONY: bench-serving
bench-serving: .venv/.dev
	$(BIN)/python benchmarks/serve.py
	$(BIN)/python benchmarks/report.py

# words that explanations name are deleted, and the model is asked again; needs SPANBERT_DATA
EXPLAINING_DIR ?= build/explaining
.PHONY: bench-explaining
bench-explaining: .venv/.dev
	$(BIN)/python benchmarks/explain.py $(EXPLAINING_DIR)
	$(BIN)/python benchmarks/report.py

# the packaged English model: seven hours of two cores; each stage goes on where it was ended; needs SPANBERT_DATA
SMALL_EN_DIR ?= build/small-en
small-en: .venv/.dev
	$(BIN)/python recipes/small_en/recipe.py all $(SMALL_EN_DIR)

# several heads, long documents and Chinese, an hour and a half; needs SPANBERT_DATA and the bundle of zh-checkpoint
TASKS_DIR ?= build/tasks
bench-tasks: .venv/.dev
	$(BIN)/python benchmarks/tasks.py heads $(TASKS_DIR)
	$(BIN)/python benchmarks/tasks.py long $(TASKS_DIR)
	$(BIN)/python benchmarks/tasks.py chinese $(TASKS_DIR) $(ZH_DIR)/bundle
	$(BIN)/python benchmarks/report.py

# coreference and relation extraction; needs SPANBERT_DATA
COREF_AND_RELATIONS_DIR ?= build/coref_and_relations
.PHONY: bench-coref-and-relations
bench-coref-and-relations: .venv/.dev
	for study in ontogum litbank gap; do $(BIN)/python benchmarks/coref.py $$study $(COREF_AND_RELATIONS_DIR) || exit 1; done
	for study in scores curve; do $(BIN)/python benchmarks/books.py $$study $(COREF_AND_RELATIONS_DIR)/litbank-0 || exit 1; done
	for study in tune-ours tune-peer semeval kbp37 throughput; do $(BIN)/python benchmarks/relation.py $$study $(COREF_AND_RELATIONS_DIR) || exit 1; done
	$(BIN)/python benchmarks/report.py

# translation: some eight hours of two cores, then minutes alone on the machine; needs SPANBERT_DATA
TRANSLATION_DIR ?= build/translation
.PHONY: bench-translation
bench-translation: .venv/.dev
	for run in scratch minilm; do $(BIN)/python benchmarks/translate.py curve $$run $(TRANSLATION_DIR) || exit 1; done
	$(BIN)/python benchmarks/translate.py collect $(TRANSLATION_DIR)
	$(BIN)/python benchmarks/translate.py chinese $(TRANSLATION_DIR)
	for study in train decode memory; do $(BIN)/python benchmarks/translate_speed.py $$study || exit 1; done
	$(BIN)/python benchmarks/sentences.py
	$(BIN)/python benchmarks/report.py

# the four masking schemes from one seed, 5 minutes each; needs SPANBERT_DATA and a fresh ABLATION_DIR
ABLATION_DIR ?= build/ablation
ABLATION_BUDGET ?= 5m
ablation: .venv/.dev
	mkdir -p $(ABLATION_DIR)
	$(BIN)/python benchmarks/ablation.py text $(ABLATION_DIR)/bc5cdr.jsonl
	$(BIN)/spanbert prepare $(ABLATION_DIR)/bc5cdr.jsonl --entities-field entities --tokenizer $(MINILM) \
		--out $(ABLATION_DIR)/store --held-out 5% --licence "CC BY 4.0, BioCreative V CDR"
	for scheme in span subword word entity; do \
		$(BIN)/spanbert pretrain $(ABLATION_DIR)/store --model $(MINILM) --out $(ABLATION_DIR)/$$scheme \
			--budget $(ABLATION_BUDGET) --set masking.scheme=$$scheme --set sbo.weight=0 \
			--set train.evaluate_every=10% || exit 1; \
	done
	$(BIN)/python benchmarks/ablation.py collect $(ABLATION_DIR)
	$(BIN)/python benchmarks/report.py

clean:
	rm -rf .venv build dist quickstart
