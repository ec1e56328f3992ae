#!/usr/lib/fieldwise-agent/bin/python3 -I
from agent.cli import main

main()
