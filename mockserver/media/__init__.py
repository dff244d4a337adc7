"""Result files that really open: pictures, videos and tracks, drawn from the job, the same bytes each time."""
