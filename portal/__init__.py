"""The regulator's portal: one folder for each user's job."""
