internal import CCrypto

/// SHA-256 (FIPS 180-4) of bytes that come piece by piece, from OpenSSL's libcrypto.
package struct SHA256: ~Copyable {
    /// Bytes of a digest.
    package static let byteCount = 32
    private let context: OpaquePointer

    package init() {
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
            preconditionFailure("libcrypto has no SHA-256")
        }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    package func update(_ bytes: UnsafeRawBufferPointer) {
        precondition(EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1, "libcrypto could not digest")
    }

    package func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

    /// The digest of all that came, 32 bytes. Ends the run: it can be asked for once.
    package consuming func finish() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Self.byteCount)
        precondition(EVP_DigestFinal_ex(context, &digest, nil) == 1, "libcrypto could not digest")
        return digest
    }

    /// Of whole bytes.
    package static func digest(of bytes: [UInt8]) -> [UInt8] {
        let run = SHA256()
        run.update(bytes)
        return run.finish()
    }
}
