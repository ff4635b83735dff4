// MusterLaunch
