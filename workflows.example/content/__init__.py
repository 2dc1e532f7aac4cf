"""The steps of the daily digest: fetch a feed, build a digest, post it, record what became of it."""
