"""Services by name: ``poscloud apply``, ``create``, ``delete``, ``delete-apps``, all of them runs of the engine."""
