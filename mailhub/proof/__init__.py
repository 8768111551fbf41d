"""What can be shown afterwards: the journal of acts, its signed anchors, signed receipts."""
