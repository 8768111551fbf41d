"""The agents' inbox: pages for who works in an account, signed in by a session in a cookie.

Each page is a module with its templates beside it; every act is a form that works without a script, every state has a
URL, and a GET changes nothing. The pages ask the same questions and run the same flows as the routes under /v1.
"""
