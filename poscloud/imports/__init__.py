"""From what runs or is written elsewhere to a description: manifests, a live namespace, the old scripts' lists.

``reading`` gets the manifests, ``recognise`` says which component each belongs to (one module a kind in ``kinds``),
``shorten`` leaves out what is so by default, ``write`` makes the file, and ``prove`` renders it again and compares.
"""
