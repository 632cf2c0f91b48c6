"""Stand-ins for Uniconta and Intempus: real HTTP servers that behave as the two API pages in the docs say.

They import nothing of the platform and keep their own record of what really happened, so tests can judge the
platform by them. `python -m tests.simulators --help` starts them as processes; `serve(...)` starts one in a test.
"""
