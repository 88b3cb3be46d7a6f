"""Bundle to ONNX and OpenVINO: not built yet, see the table in README.md."""
