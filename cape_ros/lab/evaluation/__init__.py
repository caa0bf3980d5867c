"""Evaluation of weights: the protocol of MP-100, quality of scores, reports, videos."""
