"""Bundles as an HTTP service.

    request --guard--> keys, sizes, request id --routes--> Query for each input --batcher--> answers
    batcher: FairQueue --take--> a batch of one computation --worker thread, Pipeline--> answers

`supervisor` starts worker processes that share a socket; each owns its models (`models`) and an app (`app`). All but
`supervisor` and `models` is free of processes and files, so that the app runs anywhere that ASGI does.
"""
