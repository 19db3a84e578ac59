"""`nemo-ctcbias serve`: recordings in, text and listed phrases out, over HTTP, a websocket and a page.

Reading order: `app` (the routes), `request_list` (what a request listens for), `uploads` (its recording), `batching`
(many requests, one model), `answers`; around them `access`, `admission`, `named_lists`, `metrics` and `server`.
"""
