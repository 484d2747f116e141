"""The law as dated, cited values and small pure functions over them."""
