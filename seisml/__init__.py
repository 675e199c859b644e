"""seisml finds and names seismic events in continuous records and says how well it did."""

__version__ = "0.1.0"
