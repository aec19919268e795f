"""Drives real Jupyter front ends in Chromium.

``chromium`` starts the browser and records (and blocks) what would leave the machine, ``server`` starts Jupyter
applications that know nothing of the user's settings, ``notebook`` drives JupyterLab and Notebook without races,
``attribution`` and ``lens`` read and operate the widgets on the page, ``lens_lab`` is a notebook for the latter,
``wire`` listens to what page and kernel say to one another, ``kernel`` asks the notebook's kernel.
"""
