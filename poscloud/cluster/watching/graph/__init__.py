"""An environment as components and arrows."""
