"""What a CI server asks besides `weighbridge`: what commits touched, what waits for delivery, a word to reviewers."""
