"""HTTP: routes that translate, a guard in front of them, and problem documents for everything that fails."""
