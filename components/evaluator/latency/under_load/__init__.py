"""Weighing a served model: real servers, requests that come as users' do, and what that says with which certainty."""
