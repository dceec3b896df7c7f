"""Print the coefficients of the elementary functions' polynomials:  python3 coefficients.py   (needs mpmath)

Each polynomial goes through its function in Chebyshev points of the interval on which it is used, in 60 digits; of that
error the best polynomial has at least a third or so. The error printed is that of the function's value, in units of the last place.
"""

import struct

from mpmath import chebyfit, erfc, exp, log, mp, mpf, nstr, pi, sin, sqrt, tanh

mp.dps = 60
TINY = mpf(10) ** -15
CENTRE = 5


def beyond_linear(r):
    """(eʳ − 1 − r)/r²"""
    return (exp(r) - 1 - r) / r**2 if abs(r) > TINY else mpf(1) / 2 + r / 6


def tangent(z):
    """(tanh x − x)/x³ of z = x²"""
    x = sqrt(z)
    return (tanh(x) - x) / x**3 if z > TINY else -mpf(1) / 3


def logarithm(z):
    """(2 artanh s − 2s)/s³ of z = s²"""
    s = sqrt(z)
    return (log((1 + s) / (1 - s)) - 2 * s) / s**3 if z > TINY else mpf(2) / 3


def power(z):
    """(2 artanh s − 2s − ⅔ s³)/(⅔ s⁵) of z = s²"""
    s = sqrt(z)
    return (log((1 + s) / (1 - s)) - 2 * s - 2 * s**3 / 3) / (2 * s**5 / 3) if z > TINY else mpf(3) / 5


def sine(z):
    """(sin r − r)/r³ of z = r²"""
    r = sqrt(z)
    return (sin(r) - r) / r**3 if z > TINY else -mpf(1) / 6


def near(z):
    """(Φ(x) − ½)/x of z = x²"""
    x = sqrt(z)
    return (1 - erfc(x / sqrt(2))) / (2 * x) if z > TINY else 1 / sqrt(2 * pi)


def ratio(t):
    """(a + c) g(a), g(a) = e^(a²/2) Φ(−a), of t = (a − c)/(a + c)"""
    a = CENTRE * (1 + t) / (1 - t)
    return (a + CENTRE) * exp(a * a / 2) * erfc(a / sqrt(2)) / 2


def until(most):
    return [mpf(-1), (mpf(most) - CENTRE) / (most + CENTRE)]


# name, function, interval, what an error of 1 of the function does to the value, relatively, at most
HALF_LN_2 = log(2) / 2 * mpf("1.001")
MOST_S = (sqrt(2) - 1) / (sqrt(2) + 1)
CASES = [
    ("exponential", beyond_linear, [-HALF_LN_2, HALF_LN_2], HALF_LN_2**2 * sqrt(2)),
    ("tangent", tangent, [mpf(0), mpf("0.25")], mpf("0.25")),
    ("logarithm", logarithm, [mpf(0), MOST_S**2], MOST_S**2 / 2),
    ("circular", sine, [mpf(0), (mpf("1.001") * pi / 2) ** 2], pi**2 / 4 * pi / 2),
    ("normal near 0", near, [mpf(0), mpf(1)], 1 / (1 - erfc(-1 / sqrt(2)) / 2)),
]


def single(x):
    return struct.unpack("f", struct.pack("f", x))[0]


def rust(x, digits):
    """The shortest text that is read as the number nearest to x."""
    nearest, number = (float, float(x)) if digits == 53 else (single, single(x))
    text = next(text for text in (f"{number:.{places}g}" for places in range(1, 18)) if nearest(float(text)) == number)
    number, _, power = text.partition("e")
    whole, _, rest = number.partition(".")
    rest = "_".join(rest[i : i + 3] for i in range(0, len(rest), 3))
    return f"{whole}.{rest or 0}" + (f"e{int(power)}" if power else "")


def show(name, function, interval, weight, digits, most_error):
    for count in range(3, 40):
        coefficients, error = chebyfit(function, interval, count, error=True)
        if error * weight * mpf(2) ** digits < most_error:
            break
    print(f"{name}: {count} coefficients, error {nstr(error * weight * mpf(2) ** digits, 2)}")
    for coefficient in coefficients:
        print(f"        {rust(coefficient, digits)},")


for digits in (24, 53):
    print(f"--- {digits} digits")
    for name, function, interval, weight in CASES:
        show(name, function, interval, weight, digits, 0.05)
    # Twelve bits more, for exponents up to 745.
    show("power", power, [mpf(0), MOST_S**2], MOST_S**4 / 3 * 2**11, digits, 0.1)
    show("normal", ratio, until(14 if digits == 24 else 39), mpf(2.5), digits, 0.15)
