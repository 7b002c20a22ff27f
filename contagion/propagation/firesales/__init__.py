"""Fire sales: closed forms and simple models of forced selling."""
