"""The steps that plans are made of, one file a noun; `runtime/steps` knows how to do them."""
