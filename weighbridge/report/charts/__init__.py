"""SVG charts for reports: small functions from plain numbers to markup. No scripts, no styles, all text escaped.

Colours are presentation attributes, which no Content-Security-Policy blocks; the classes beside them let a style
sheet, where one is allowed, repaint the charts for a dark page.
"""
