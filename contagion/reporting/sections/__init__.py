"""The chapters of the report, one module each: results become blocks of words, tables and pictures."""
