"""Guards in front of the application: what a request must fulfil before anything is read or computed."""
