"""How each kind of the language is recognised, one module a kind or family."""
