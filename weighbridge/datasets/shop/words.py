"""The words that the shop's catalogue and its countries are made of."""

SEASONS = {
    "": (1.0,) * 12,
    "christmas": (0.05, 0.02, 0.02, 0.02, 0.02, 0.03, 0.08, 0.4, 1.5, 3.5, 4.5, 3.0),
    "easter": (0.3, 1.5, 4.0, 2.5, 0.05, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.05),
    "summer": (0.2, 0.3, 0.7, 1.5, 2.5, 2.5, 2.0, 1.2, 0.4, 0.2, 0.1, 0.1),
    "valentine": (2.5, 3.0, 0.6, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.6, 0.7, 1.0),
    "autumn": (0.1, 0.1, 0.1, 0.1, 0.1, 0.2, 0.4, 1.0, 3.0, 3.5, 0.6, 0.1),
}
"""How well a theme of each season sells from January to December, against the rest of the year's themes."""

THEMES = {
    "RETROSPOT": "",
    "SPACEBOY": "",
    "DOLLY GIRL": "",
    "CIRCUS PARADE": "",
    "WOODLAND": "",
    "SKULLS": "",
    "UNION FLAG": "",
    "PAISLEY": "",
    "REGENCY": "",
    "FRENCH LAVENDER": "",
    "VINTAGE ROSE": "",
    "BAROQUE": "",
    "ART DECO": "",
    "FELTCRAFT": "",
    "STRAWBERRY": "",
    "CHERRY BLOSSOM": "",
    "POLKADOT": "",
    "GINGHAM": "",
    "BUTTERFLY": "",
    "LOVEBIRD": "",
    "OWL": "",
    "RUSTIC": "",
    "MOROCCAN": "",
    "ORIENTAL": "",
    "NAUTICAL": "",
    "HOME SWEET HOME": "",
    "TOADSTOOL": "",
    "RUSSIAN DOLL": "",
    "ENAMEL": "",
    "APOTHECARY": "",
    "CHRISTMAS": "christmas",
    "REINDEER": "christmas",
    "SNOWFLAKE": "christmas",
    "EASTER": "easter",
    "SPRING CHICK": "easter",
    "GARDEN": "summer",
    "PICNIC": "summer",
    "HAWAIIAN": "summer",
    "SWEETHEART": "valentine",
    "HARVEST": "autumn",
}
"""A theme's words, and the season it sells in."""

ARTICLES = {
    "CAKE STAND": 8.5,
    "MUG": 1.45,
    "TEA TOWEL": 2.55,
    "TEAPOT": 5.95,
    "TEA CADDY": 3.75,
    "CAKE CASES": 0.55,
    "CAKE TIN": 4.95,
    "COOKIE CUTTERS": 1.25,
    "JAM JAR": 0.85,
    "APRON": 3.75,
    "OVEN GLOVE": 2.55,
    "NAPKINS": 0.85,
    "PLATE": 1.65,
    "BOWL": 1.65,
    "EGG CUP": 0.85,
    "CUTLERY": 3.75,
    "TRAY": 4.25,
    "LUNCH BAG": 1.65,
    "LUNCH BOX": 1.95,
    "SHOPPER": 1.95,
    "JUMBO BAG": 1.95,
    "CHARLOTTE BAG": 0.85,
    "PURSE": 1.25,
    "UMBRELLA": 4.95,
    "HOT WATER BOTTLE": 4.25,
    "CUSHION COVER": 3.75,
    "QUILT": 14.95,
    "DOORMAT": 6.75,
    "DOORSTOP": 2.95,
    "COAT HANGER": 1.25,
    "HOOK": 0.85,
    "DRAWER KNOB": 1.25,
    "MIRROR": 5.95,
    "WALL CLOCK": 8.5,
    "ALARM CLOCK": 3.75,
    "PHOTO FRAME": 2.55,
    "METAL SIGN": 1.95,
    "LANTERN": 2.95,
    "T-LIGHT HOLDER": 1.25,
    "CANDLE": 1.25,
    "INCENSE": 0.42,
    "STRING OF LIGHTS": 5.95,
    "GARLAND": 1.65,
    "BUNTING": 4.25,
    "DECORATION": 0.85,
    "TRINKET BOX": 1.25,
    "BRACELET": 2.95,
    "NECKLACE": 4.95,
    "EARRINGS": 2.55,
    "HAIR CLIP": 0.65,
    "NOTEBOOK": 0.85,
    "GREETING CARD": 0.42,
    "GIFT WRAP": 0.42,
    "STICKERS": 0.42,
    "PENCILS": 0.65,
    "PAINT SET": 1.65,
    "PLAYING CARDS": 1.25,
    "JIGSAW": 1.65,
    "SOFT TOY": 2.95,
    "PLANT POT": 2.1,
    "WATERING CAN": 2.95,
    "BIRD FEEDER": 2.55,
    "STORAGE TIN": 2.55,
    "CABINET": 29.95,
}
"""What an item is, and its usual price in pounds."""

COLOURS = ("", "RED", "BLUE", "PINK", "WHITE", "IVORY", "GREEN", "BLACK", "SILVER", "CREAM", "PURPLE", "GOLD")

FORMS = ("", "SET OF 3", "SMALL", "LARGE", "MINI", "PACK OF 6", "HANGING", "WOODEN", "GLASS", "CERAMIC")
"""The beginning of a description; the first ones are the usual ones."""

NEW_FORMS = ("NEW", "DELUXE", "ROUND", "GIANT", "TINY", "PACK OF 20", "STANDING", "WICKER", "CRYSTAL", "ZINC")
"""The beginning of the descriptions of a renewed catalogue, each in the place of one of `FORMS`."""

POINTS = (
    *(0.12, 0.19, 0.29, 0.42, 0.55, 0.65, 0.85, 1.06, 1.25, 1.45, 1.65, 1.95, 2.1, 2.55, 2.95, 3.25, 3.75, 4.25, 4.95),
    *(5.95, 6.75, 7.95, 8.5, 9.95, 10.95, 12.75, 14.95, 16.95, 19.95, 24.95, 29.95, 39.95, 49.95, 69.95, 99.95),
)
"""Prices that a label may show, in pounds."""

PACKS = (1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 36, 48, 72, 96, 120, 144, 192, 240, 288, 432, 600, 960)
"""Quantities that people order."""

COUNTRIES = {
    "United Kingdom": 90.0,
    "Germany": 2.4,
    "France": 2.0,
    "EIRE": 1.6,
    "Netherlands": 0.6,
    "Spain": 0.5,
    "Belgium": 0.4,
    "Switzerland": 0.4,
    "Portugal": 0.35,
    "Sweden": 0.3,
    "Italy": 0.25,
    "Norway": 0.2,
    "Denmark": 0.2,
    "Finland": 0.2,
    "Austria": 0.2,
    "Australia": 0.15,
    "Japan": 0.1,
    "USA": 0.1,
    "Unspecified": 0.05,
}
"""Where customers are, in percent; the first is where the shop is."""

NEW_COUNTRY = "New Zealand"

SPECIALS = {
    "POST": ("POSTAGE", 18.0),
    "DOT": ("DOTCOM POSTAGE", 120.0),
    "M": ("Manual", 4.95),
    "D": ("Discount", 25.0),
    "C2": ("CARRIAGE", 50.0),
    "S": ("SAMPLES", 15.0),
    "BANK CHARGES": ("Bank Charges", 15.0),
    "ADJUST": ("Adjustment", 35.0),
    "gift_0001_20": ("Gift Voucher £20.00", 17.02),
}
"""Codes that are no products, what they are called, and a usual price in pounds."""

NOTES = ("damages", "?", "missing", "short", "checked")
"""What stands in place of a description where stock is written off."""

CURRENCIES = (("", 1.0), ("€", 1.15), ("$", 1.55), ("kr ", 11.0))
"""What stands before a price in each currency, and how many of it a pound is."""

SPELLINGS = ("{} pcs", "x{}", "ca. {}")
"""How people write a quantity where nothing stops them."""
