"""The interface that agencies' systems speak already, in front of one mailbox of the axis."""
