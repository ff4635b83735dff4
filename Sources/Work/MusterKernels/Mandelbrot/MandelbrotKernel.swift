internal import MusterJSON
package import MusterWire

/// Computes strips of a picture of the Mandelbrot set: task i is strip i. The params are the picture's.
package struct MandelbrotKernel: Kernel {
    package static let name = "mandelbrot"
    package static let summary = "computes strips of a picture; each value is a PNG file of one strip, in Base64"
    package static let input = KernelInput.none
    package static let isDeterministic = true
    private let picture: Picture

    package init(params: JSONFields) throws(Problem) { picture = try Picture(params: params) }

    package func check(count: Int) throws(Problem) {
        guard count == picture.stripCount else {
            throw Problem(
                422, "This picture has \(picture.stripCount) strips, so \"count\" must be that, not \(count).",
                code: "field")
        }
    }

    /// A file by itself, which any decoder reads: one above the other the strips make the picture.
    package func run(_ task: KernelTask, _ cancellation: Cancellation) throws(TaskFailure) -> [UInt8] {
        let strip = try strip(task, cancellation)
        let file = PNGAssembly.file(of: strip, rows: picture.strip(task.index).count, of: picture)
        return Array("\"\(Base64.encoded(file))\"".utf8)
    }

    package func runTransient(_ task: KernelTask, _ cancellation: Cancellation) throws(TaskFailure) -> [UInt8] {
        try strip(task, cancellation).bytes
    }

    private func strip(_ task: KernelTask, _ cancellation: Cancellation) throws(TaskFailure) -> StripImage {
        guard (0..<picture.stripCount).contains(task.index) else {
            throw TaskFailure("there is no strip \(task.index); this picture has \(picture.stripCount)")
        }
        let rows = picture.strip(task.index)
        guard let strip = MandelbrotStrip.compute(picture, rows: rows, isCancelled: { cancellation.isCancelled }) else {
            throw TaskFailure("cancelled while it computed")
        }
        return strip
    }
}
