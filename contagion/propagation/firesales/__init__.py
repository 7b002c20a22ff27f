"""Fire sales: one engine (`engine`), the published models on it by name (`named`), closed forms of forced selling."""
