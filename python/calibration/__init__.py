"""How well the tests keep their promises, by simulation: `make calibrate`."""
