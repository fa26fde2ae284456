"""One booking's whole story for whoever is on duty: gathered as JSON, told as a page."""
