"""Workers cut off, frozen, driven out and replaced; servers lost one at a time. Then every rule."""
