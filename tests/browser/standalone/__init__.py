"""The built bundle in Chromium without Jupyter: a page of our own, and a stand-in kernel that answers when told to."""
