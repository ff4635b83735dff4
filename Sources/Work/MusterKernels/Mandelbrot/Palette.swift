/// How escape iterations become pixels.
package enum Palette: String, CaseIterable, Sendable {
    /// Round the hues, from blue.
    case spectrum
    /// Black, red, yellow, white, and back.
    case ember
    /// Deep blue to white and back.
    case glacier
    case grey
    /// 16-bit grey: the escape iteration mod 65,536, 0 inside. For programs, not for eyes.
    case raw

    /// The index of an escape iteration: 0 inside, else 1...255, 32 for each doubling, round and round.
    package static func index(_ escapeIteration: UInt32) -> UInt8 {
        if escapeIteration == 0 { return 0 }
        let octave = 31 - UInt32(escapeIteration.leadingZeroBitCount)
        let fraction = UInt32((UInt64(escapeIteration) << 5) >> UInt64(octave)) & 31
        return UInt8(1 + (octave << 5 | fraction) % 255)
    }

    /// 256 colours of three bytes, for the PNG's PLTE; nil for `raw`. Index 0, inside, is black.
    package var colours: [UInt8]? {
        guard let stops else { return nil }
        var colours: [UInt8] = [0, 0, 0]
        for place in 0..<255 {
            // From one stop to the next in equal parts, and from the last to the first.
            let (stop, part) = (place * stops.count).quotientAndRemainder(dividingBy: 255)
            let (from, to) = (stops[stop], stops[(stop + 1) % stops.count])
            for shift in [16, 8, 0] {
                let (low, high) = (from >> shift & 255, to >> shift & 255)
                colours.append(UInt8((low * (255 - part) + high * part + 127) / 255))
            }
        }
        return colours
    }

    /// Colours, 0xRRGGBB, between which the palette runs evenly.
    private var stops: [Int]? {
        switch self {
        case .spectrum: [0x04_0A3C, 0x0A_3C9A, 0x1C_8CD2, 0x8C_E0E6, 0xFA_FAD2, 0xFF_BE32, 0xD2_4A14, 0x5A_0A32]
        case .ember: [0x10_0404, 0x5A_0C08, 0xC8_2A08, 0xFF_8C14, 0xFF_E678, 0xFF_8C14, 0xC8_2A08, 0x5A_0C08]
        case .glacier: [0x02_0A1E, 0x08_2A5A, 0x1E_6EA0, 0x82_C8E6, 0xFA_FFFF, 0x82_C8E6, 0x1E_6EA0, 0x08_2A5A]
        case .grey: [0x10_1010, 0xFF_FFFF]
        case .raw: nil
        }
    }
}
