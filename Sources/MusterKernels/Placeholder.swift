// MusterKernels
