"""What governance costs, as ratios in one run. ``make bench`` prints one table.

The baseline is the same application, drivers, serialisers and worker with steps (3) to (5), (7) and (8)
left out. It is composed here alone: no setting of the product reaches it.
"""
