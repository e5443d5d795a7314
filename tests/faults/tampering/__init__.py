"""Tampers with copies of one line, and checks what `audit verify`, the roles and a witness find."""
