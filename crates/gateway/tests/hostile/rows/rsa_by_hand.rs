//! RSA with the bare operation, for keys and paddings that no library would make.

use jose::crypto;

/// A key of these tests alone, its numbers in hexadecimal.
pub struct Key {
    pub modulus: &'static str,
    pub private: &'static str,
    pub exponent: u64,
}

fn bytes(hex: &str) -> Vec<u8> {
    let hex = if hex.len() % 2 == 1 { format!("0{hex}") } else { hex.to_owned() };
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// Least significant word first.
fn words(bytes: &[u8], count: usize) -> Vec<u64> {
    let mut words: Vec<u64> = bytes
        .rchunks(8)
        .map(|chunk| chunk.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)))
        .collect();
    words.resize(count, 0);
    words
}

fn is_less(left: &[u64], right: &[u64]) -> bool {
    left.iter().rev().lt(right.iter().rev())
}

fn subtract(left: &mut [u64], right: &[u64]) {
    let mut borrow = false;
    for (word, less) in left.iter_mut().zip(right) {
        let (first, one) = word.overflowing_sub(*less);
        let (second, two) = first.overflowing_sub(u64::from(borrow));
        *word = second;
        borrow = one || two;
    }
}

/// Twice a number below the modulus, reduced.
pub fn double(number: &mut [u64], modulus: &[u64]) {
    let mut carry = 0;
    for word in number.iter_mut() {
        let next = *word >> 63;
        *word = *word << 1 | carry;
        carry = next;
    }
    if carry == 1 || !is_less(number, modulus) {
        subtract(number, modulus);
    }
}

/// The product of two numbers over R (Montgomery).
fn multiply(left: &[u64], right: &[u64], modulus: &[u64], inverse: u64) -> Vec<u64> {
    let count = modulus.len();
    let mut sum = vec![0_u64; count + 2];
    for word in left {
        let mut carry = 0_u128;
        for at in 0..count {
            let value = u128::from(sum[at]) + u128::from(*word) * u128::from(right[at]) + carry;
            sum[at] = value as u64;
            carry = value >> 64;
        }
        let value = u128::from(sum[count]) + carry;
        sum[count] = value as u64;
        sum[count + 1] = (value >> 64) as u64;
        let factor = sum[0].wrapping_mul(inverse);
        let mut carry = (u128::from(sum[0]) + u128::from(factor) * u128::from(modulus[0])) >> 64;
        for at in 1..count {
            let value = u128::from(sum[at]) + u128::from(factor) * u128::from(modulus[at]) + carry;
            sum[at - 1] = value as u64;
            carry = value >> 64;
        }
        let value = u128::from(sum[count]) + carry;
        sum[count - 1] = value as u64;
        sum[count] = sum[count + 1] + (value >> 64) as u64;
        sum[count + 1] = 0;
    }
    let is_over = sum[count] != 0 || !is_less(&sum[..count], modulus);
    sum.truncate(count);
    if is_over {
        subtract(&mut sum, modulus);
    }
    sum
}

impl Key {
    pub fn modulus(&self) -> Vec<u8> {
        bytes(self.modulus)
    }

    pub fn exponent(&self) -> Vec<u8> {
        let bytes = self.exponent.to_be_bytes();
        bytes[bytes.iter().position(|byte| *byte != 0).unwrap()..].to_vec()
    }

    /// A number to the power of the private exponent.
    pub fn raw(&self, message: &[u8]) -> Vec<u8> {
        let modulus_bytes = self.modulus();
        let count = modulus_bytes.len().div_ceil(8);
        let modulus = words(&modulus_bytes, count);
        let mut inverse = 1_u64;
        for _ in 0..6 {
            inverse = inverse.wrapping_mul(2_u64.wrapping_sub(modulus[0].wrapping_mul(inverse)));
        }
        let inverse = inverse.wrapping_neg();
        let into = |mut number: Vec<u64>| {
            for _ in 0..64 * count {
                double(&mut number, &modulus);
            }
            number
        };
        let message = into(words(message, count));
        let mut power = into(words(&[1], count));
        for byte in bytes(self.private) {
            for bit in (0..8).rev() {
                power = multiply(&power, &power, &modulus, inverse);
                if byte >> bit & 1 == 1 {
                    power = multiply(&power, &message, &modulus, inverse);
                }
            }
        }
        let power = multiply(&power, &words(&[1], count), &modulus, inverse);
        let all: Vec<u8> = power.iter().rev().flat_map(|word| word.to_be_bytes()).collect();
        all[all.len() - modulus_bytes.len()..].to_vec()
    }

    /// Signs a block that ends in this and is filled up in front.
    pub fn sign_block(&self, kind: u8, filler: u8, end: &[u8]) -> Vec<u8> {
        let length = self.modulus().len();
        let mut block = vec![0, kind];
        block.resize(length - end.len() - 1, filler);
        block.push(0);
        block.extend_from_slice(end);
        self.raw(&block)
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.sign_block(1, 0xff, &[&DIGEST_INFO[..], &crypto::sha256(message)].concat())
    }

    /// RSASSA-PSS with SHA-256, a mask made with this hash, and this salt.
    pub fn sign_pss(&self, message: &[u8], mask: fn(&[u8]) -> Vec<u8>, salt: &[u8]) -> Vec<u8> {
        let length = self.modulus().len();
        let hash = crypto::sha256(&[&[0; 8], &crypto::sha256(message)[..], salt].concat());
        let mut data = vec![0; length - 32 - 1 - salt.len() - 1];
        data.push(1);
        data.extend_from_slice(salt);
        let mut stream = Vec::new();
        for counter in 0_u32.. {
            if stream.len() >= data.len() {
                break;
            }
            stream.extend(mask(&[&hash[..], &counter.to_be_bytes()].concat()));
        }
        for (byte, mask) in data.iter_mut().zip(stream) {
            *byte ^= mask;
        }
        data[0] &= 0x7f;
        self.raw(&[data, hash.to_vec(), vec![0xbc]].concat())
    }
}

/// DigestInfo of SHA-256 up to the hash.
pub const DIGEST_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x04, 0x20,
];

/// 512 bits.
pub const BITS_512: Key = Key {
    modulus: "f4cb4363dbba92a3a5e7ba958fb8ba5aa98a41b8898c60bf1911e98c6a26f36dd57fc841844065278d7f529e56fd89ea7add7f838eb4edd9f2f1eea181f089cf",
    private: "204b689a95f4694019b5169280a1784459b599b204c37647ffc0b3350914166d16fe2b6901f8a0c4583934ad7c971452734f480cd2c65206160f2df62a975ae1",
    exponent: 0x10001,
};
/// 1024 bits.
pub const BITS_1024: Key = Key {
    modulus: "ca57508419a3b8c1de1c0f0055ebd3c093e6bb27342f7e2c70b6a0006d5a4d935fb98f8a0d71ce036547a83e17d43a6b6fc2845f62ee7c9cf97a5205247c4a4a947ff89a21b65e0e9ab1f1804c9d0ca18b9f7f305f1014e8c7163c17afb6fcc92b5782ee7ce051dfffcedd73810d56397a66c1da28cff4a979bda04128d0f3e1",
    private: "34a0781f1ba2131c4d5e23e2b4f644d98a3e5140159922aa8158668e25e2fe594de4eff9fa9c367678a1a6171c50852f4b5e9eda465b7c0ac1f27821c14718750de9bee1888435957fdf34199c3c9818f816a0a5db3430455e6529aba90cb130a287bddeab2cd61290000160a9405a4829584d0facf000e0256a6920c369afaf",
    exponent: 0x10001,
};
/// 2047 bits.
pub const BITS_2047: Key = Key {
    modulus: "5bd7366ec801d9f0691388f6cce1becc8b215ddfdd40f9cb1c3c9e6515298811e62456c3a64d544e00db1cf879ae220a845facfb8f886675938bcd437a689715e05e37ea93bcb5eb88737df25de1ee517069874bf4268906e441bc4d48e25fba4b0bd210f5f4920f90a864d961c58444fdab75093e460a1c99d2393e3a2277f867db9a144bb69ce3de1f9ed92a22f7ece4030608e60848fbcc4b5a0c261f98b4c72b9735c57b0337e87ead4264f6c761b7acedab6c6576465e0457e61efa4ec9fcdb3d301fba3dbc8aa525a0e0728672afabf11cd1f000d043ee7c1c2c5d065d8a624b34a1aa08798369e14d16ed562adbed9b0e10753e0b6ec2825817390695",
    private: "5b1a82f9a3d80a4c6cbf9f274b98483ff968110a481df36ce346d2cd6d0fb4d6249939a47d6cca4b52980906071690d823f610cfbed34ce82784100b76fb179cf0e425cdc1ddfa0c7a602eb8e51e80dd3288cc58b10a24f5bc29e554390fae6c4b939f3f89eca19365295659399ec895f39948d0f18062f97a314aed8a97b4af71f6b84be7e5fd51ae676359bec7c4ec7a38f9c7a2c8a96f4a5a1bd852352dadcec187f528f26690130b151506c415b7606a86b6161a3f6b7819788f9f4802f5c095cd0ba5294f6f8fd685eb5a3eeec68ee2295301e67da6a5c0c704cf2320bda476ed738515405e078e16e314dcbc336e4ebeea067b1b393952d8422773e8a5",
    exponent: 0x10001,
};
/// 2048 bits.
pub const BITS_2048: Key = Key {
    modulus: "e71d9a6951d6302dcd44b7e2517110b20c1796d7569048bb70a2234a41ce301406920e66d8a1dc00524eb17be46cdddefccac7d54afdcb40e448f0f0d1fff06ae29741d84303a43e3c08fc43c977c0113ecf5d99ed8dcb137771860f74b783f1c4a200bd13be66413d37a32738b70a018d6b3337e5e71bc782b516d7030dbcc850eba0113651cbee338f7aedcdf1c3510fd4d6701bcf4dc4fb11bd3d4fd06bacdc03bb4df3b4757db1b3537f12c1f0b4a7202208593d1b2e4f87d73752661c3ecaaa3390933136aa7a41133bee72a47a5d5a47603700f8be135c76a7ba915b5bbd54e879716680927773026561330a1360141087ca5212d12bb43b45d3b0353b",
    private: "4b3a971b0630eea0d20ab6c25bd92e628e4e156305c1d472f2f04c056d5324d237eb4df5cb3930880842a6421a3217ac7063bf555de22bc975258b0c10873b6647588dedcbae814562bc5804e6acec9f906ee65c66f77b2d5c795ef663fb225f4daea007ebc7d3b813a9ab1966bc29ed246fcb0dbc6f945ac66094cd2b28cb1458e31ea62036d1feaded297ffa60f95e15cd97866743496404ce007ee7cf79469ffebf34d5d02f782f58bd1e6268e960980dd1cf7f467a17fc0f155e020acdd4db3fa5995b09f8b769c722862a293a64ff5c9a0fd5e04fea2dbab57c84f3ea9cc1ee1ce0432f823060a4684378c9ef7ac70fc3298ac54005cf28fe1e9bed4405",
    exponent: 0x10001,
};
/// 2048 bits with an exponent of 34 bits.
pub const LONG_EXPONENT: Key = Key {
    modulus: "9d8714c68d7758b3a2f24f28312ea151d0c59745d1bdfc6bf5476bfb3da7862bbe1be99b25fd2a74d6a1c554aa1fa3802325f831284c55638b8d1b83363e7eb10af4e04eacb29137a754e07f60c74e51d7e786889ade3be233b4b9a02a73f599b127183d53fc185e42ed1a04e7f200183473b28725c08f2398ba1494f51807bd25e85caa81a8d04676f8845ca993b8899810e39aae1f9f3b48697786a9a0d1dea8a433f30c4898cb8cfd8d0a97c9f1b265df8594adec09348933e98f6352ebeee3c151adec10b60fae83521a0627c4e1d1b64f177da58a497962901c25801650ee412a227078b19bf30110e8e74d2dd2ce61b1115ceb742107ae983b4635dcab",
    private: "3a6117eb99f1f09540e4fdced9e64d8ccfb0bd4ec81a0083d202fc4303fc2281b4b8fe641136a6c41e6f79778d019bfc60fcc94ea8831a3dcdf85cb291fdadc0a6ba5a981bfc4f69924a385a3736ebe90609ff40d557501b29487664eecd748ed464610e2526c83641aa290a2a8e504a60c075de7fa25f234340365e588e40fe006977fa2b2e0e3626893e6160c4a33c9df7039a6d520b32a99beed84dee5ca385c7139cd3db2a71652e367eb88c5961147ee7b830be6156d04671a880240125c39461b85f052ce5ea939691b3a534866dfbc059f7bcc2a2338a3a124e6434c129b47d0aff749ff5791edf1e4535f694d1cb5659b89e7e02237a5ebc356adea9",
    exponent: 0x200000009,
};
/// 2048 bits with the exponent 3.
pub const EXPONENT_3: Key = Key {
    modulus: "d7f105712d5966792f6671ef02bab0162823b83f7791b4c3cb92efffca916373b476d45f702ef09f6254ffaeb493de3512e068a36252174883d33b03379f411962b02cbdfd60d529d0bfd44547aa5ada274f4eb2b03a26210458a6cd30a6a58882ae1b949936d5eb9eb79c1b259e798b9c8cbc29ec11322c021c34b164a0df9691a064df0595c589f42d95e96337769f88ff9758addd0a8485163ec72bce0d3f895535f469bd0f5aa79dac5dc171c620caaea426e7ea6aecd34d85e18b26032df52d0c74a833becd18d00b47d25926997b25a0a2fcc3bd9149c8abcebee7a5a6528831af394f2ec14a6b333ffbeb0c0998c357a9dccdda33227932d52ff73ad1",
    private: "27b69fe5bbd597426cc36466ce7a9bf84e00af204511f80c77d466fd04e2d47f35c959147e8ffd2c06505e1a3ea28ce96493339c938da03c6aa26ee61be27004ab293a405dadc3280ed9b738e10abb60073ab923ce04cf1aab774ad0671bb48309520af513598871f3fe74fc2a3a91f07af3a122314cb9c75b9b41994487845633fc6948fb64d65cc7a97aea6591c9612697b2328307ff33bfaff6e6d5a3bda08d4c8bda597a38650dfcda8811193e2f1d5b5c4c9a81b4dc0c9d0531eaba956d1dadcf4ccf8608e0bae31d001fdb00a89849f57edc6eb88ec85e90ab99c8b61e0fc7a094c09e030448cac6829738f71cc5478aaf9bceae80c1ce619d5142d97",
    exponent: 0x3,
};
