// MusterCrypto
