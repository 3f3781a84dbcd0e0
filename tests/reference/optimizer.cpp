#include "tests/reference/optimizer.h"

#include <cmath>

namespace afnet::reference {

void sgd_step(const SgdSettings &s, const Vector &gradient, Vector &parameter, Vector &momentum) {
    for (size_t i = 0; i < parameter.size(); i++) {
        const double g = gradient[i] + s.decay * parameter[i];
        momentum[i] = s.momentum * momentum[i] + g;
        parameter[i] -= s.rate * (s.nesterov ? g + s.momentum * momentum[i] : momentum[i]);
    }
}

void adam_step(const AdamSettings &s, int step, const Vector &gradient, Vector &parameter, Vector &first,
               Vector &second) {
    for (size_t i = 0; i < parameter.size(); i++) {
        double g = gradient[i];
        if (s.decoupled) {
            parameter[i] -= s.rate * s.decay * parameter[i];
        } else {
            g += s.decay * parameter[i];
        }
        first[i] = s.beta1 * first[i] + (1 - s.beta1) * g;
        second[i] = s.beta2 * second[i] + (1 - s.beta2) * g * g;
        const double mean = first[i] / (1 - std::pow(s.beta1, step));
        const double square = second[i] / (1 - std::pow(s.beta2, step));
        parameter[i] -= s.rate * mean / (std::sqrt(square) + s.epsilon);
    }
}

} // namespace afnet::reference
