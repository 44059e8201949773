"""How far a run of the engine is: by component, as it goes on, and where its time went."""
