#!/bin/sh
# Stands in for a cargo that is too old.
echo "cargo 1.84.1 (66221abde 2024-11-19)"
