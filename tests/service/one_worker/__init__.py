"""What one undisturbed worker answers; all tests here share it and its house."""
