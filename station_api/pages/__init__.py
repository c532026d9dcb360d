"""The pages of the service: what people see and press, in a browser.

In: nothing but the /v1 routes that every other client uses, so that a page cannot show what the
records do not hold. Out: one shell for all pages, plain modules and word lists under
``static/``, no state in this process. How a page is made: docs/pages.md.
"""
