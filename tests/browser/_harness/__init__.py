"""Drives real Jupyter front ends in Chromium.

``chromium`` starts the browser and records (and blocks) what would leave the machine, ``server`` starts Jupyter
applications that know nothing of the user's settings, ``notebook`` drives JupyterLab and Notebook without races,
``attribution`` reads and operates the widget on the page, ``kernel`` asks the notebook's kernel.
"""
