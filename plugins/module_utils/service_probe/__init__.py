# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What runs on the host within the travelling file, whose libraries it brings along.

The file holds this package under its own name, so that the same imports work in it and in a checkout.
"""
