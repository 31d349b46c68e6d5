"""Estimators of scikit-learn in skops files, and what is checked before one is believed."""
