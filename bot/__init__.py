"""The program: composition, Discord, configuration and the command line."""
