package manifest

// components hands over the control-plane components that an object configures:
// static pods by their arguments, configuration files by their fields.
func components(o *object) {}
